"""Model surgery: a whole model made sparse and back, whoever wrote it."""
