"""What is on disk: the folder and its days, the tables, and how older versions are brought over."""
