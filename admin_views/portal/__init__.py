"""The customer portal (顧客画面): the second application of screens, over one account at a time."""
