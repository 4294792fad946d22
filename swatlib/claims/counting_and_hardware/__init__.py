"""Claims of Part IV, a file a chapter; what two chapters share lies beside them."""
