"""Typed JMAP under trio: session, batches of calls, mail and contacts. Knows nothing of triage."""
