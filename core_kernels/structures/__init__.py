"""What operations work on besides tensors: packed forests, graphs, tables of neighbours, windows.

Plain arrays with their meaning and checks; no computation beyond what builds them.
"""
