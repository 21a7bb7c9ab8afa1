"""Tables of millions of rows: made in shards, side by side, on one machine or on many, and gone on with after a stop."""
