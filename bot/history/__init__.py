"""Diagnoses, proposals, decisions, steps and outcomes in SQL. The only package that imports sqlalchemy."""
