"""The pages of the demo clinic's site."""

INFORMATION_PAGES = (
    "/",
    "/first-visit",
    "/costs",
    "/after-your-infusion",
    "/taking-someone-home",
    "/evidence",
    "/questions",
    "/team",
    "/privacy",
    "/accessibility",
)
PAGES_WITHOUT_MEDICAL_CLAIMS = {"/costs", "/team", "/privacy", "/accessibility"}
PUBLIC_PAGES = (*INFORMATION_PAGES, "/location", "/contact", "/references")  # those in the sitemap
ALL_PAGES = (*PUBLIC_PAGES, "/api/", "/no-such-page")
