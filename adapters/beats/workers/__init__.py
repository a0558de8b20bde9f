"""Several processes that serve viewers on one port, behind one that does everything else."""
