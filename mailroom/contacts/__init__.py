"""Contact cards and groups, over JMAP or CardDAV."""
