"""What can be done with studies: one function a verb."""
