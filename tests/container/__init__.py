"""The image and the units in `deploy/`, tried with podman and systemd as Debian ships them: `just container-test`."""
