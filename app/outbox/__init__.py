"""The transactional outbox: emails are stored with the data that causes them and sent later."""
