"""Measures the platform's ledger, as ``mlcore.benchmark`` measures the engine."""
