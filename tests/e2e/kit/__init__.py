"""What the suites share: servers, raw connections, waiting, running tests. Tests nothing itself."""
