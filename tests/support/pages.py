"""The pages of the demo clinic's site."""

INFORMATION_PAGES = (
    "/",
    "/first-visit",
    "/after-your-infusion",
    "/evidence",
    "/questions",
    "/privacy",
    "/accessibility",
)
PUBLIC_PAGES = (*INFORMATION_PAGES, "/location", "/contact")  # those in the sitemap
ALL_PAGES = (*PUBLIC_PAGES, "/api/", "/no-such-page")
