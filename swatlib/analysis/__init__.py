"""Analysis: pure measures of vectors, images and runs."""
