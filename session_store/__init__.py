"""Everything Colloquy keeps, on one DuckDB file. Imports neither streamlit nor the runtime."""
