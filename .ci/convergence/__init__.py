"""One run of the convergence suite: a server that is killed, who writes to it, and who keeps a copy."""
