"""What `test_request_id_on_hosts` serves and asks: an application that logs, its lines, and its client."""
