"""One file per operation: Triton kernels and the function that launches them.

They also run in Triton's interpreter on a CPU (`TRITON_INTERPRET=1`), which is how they are tested
where there is no GPU.
"""
