"""Everything that depends on private parts of Streamlit, ADK and their servers, with the versions it works with.

What the store needs from ADK is in ``session_store.compat``, because the store can be installed without the app. The
tests of both are marked ``upstream``; run them with ``make pins`` before upgrading to new versions.
"""
