"""One adapter a file: other nets seen as rows of named layers, and the segmenters."""
