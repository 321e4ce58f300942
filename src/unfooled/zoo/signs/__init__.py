"""Road signs of the United States, drawn by code, and small nets that learn to read them from renders alone."""
