"""A Wagtail site with a form page, as its documentation shows it."""
