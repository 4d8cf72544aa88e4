"""The console's pages, one module a noun. A view reads the clock, calls one service, answers."""
