"""One file per suite; every function test_* in it is a test."""
