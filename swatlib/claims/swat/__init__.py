"""Claims of Part III, a file a chapter; what two chapters share lies beside them."""
