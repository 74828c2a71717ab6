"""What many accounts in one process cost, and how soon each of them is heard."""
