"""The commands around the daemon, one file each."""
