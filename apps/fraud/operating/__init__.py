"""What an operating point would have done: money, customers, hours; and two of them compared."""
