"""The pipeline on the lab, compared with what the kernel and FRR say: `make lab-check`, docs/reliability/lab.md."""
