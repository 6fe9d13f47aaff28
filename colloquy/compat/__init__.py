"""Every reach into private parts of Streamlit, ADK and their servers, with the versions it holds for.

What the store needs of ADK stands in ``session_store.compat``, because the store installs without the app. The tests of
both are marked ``upstream``; ``make pins`` runs them before new versions are taken.
"""
