"""Every reach into private parts of Streamlit, ADK and their servers, with the versions it holds for."""
