"""What is kept on this machine: models, pictures and jobs, in SQLite and in files. No torch."""
