"""A Wagtail site with a form page, as in its documentation."""
