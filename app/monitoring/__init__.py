"""Health checks, metrics, alerts, the daily digest and the status report."""
