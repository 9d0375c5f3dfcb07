"""What peers and this package do with the same requests, row by row.

`rows.py` says what a row is. Each topic has a file of rows: `every`, `cors`, `compression`, `sessions`, `request_id`,
`timing`, `auth`. `subjects.py` builds the peers, `table.py` runs the rows and writes the README's tables.
"""
