"""Operations of `core_kernels`: on a CPU in Triton's interpreter, on a GPU compiled."""
