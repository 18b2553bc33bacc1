"""Use cases: keyword-only functions over rows. They flush, never commit, and get `now` passed in."""
