"""Claims of Part V, a file a chapter; what two chapters share lies beside them."""
