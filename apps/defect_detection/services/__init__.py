"""What can be done with products, stations and parts: one function per verb."""
