"""Fraud: transactions in; a score, an outcome and the evidence for it out."""
