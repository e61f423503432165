"""The convert view: a model for Apple devices, planned, made and compared."""
