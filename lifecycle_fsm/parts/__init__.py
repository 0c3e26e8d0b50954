"""A log cut by people: each part runs on its own, and the results are put together again."""
