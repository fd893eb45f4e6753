"""schema.org JSON-LD of the information pages, for search engines."""

from markupsafe import Markup

from app.clinic import Clinic
from app.clinic.json_ld import Node, organization_node, script
from app.pages.loader import Page


def page_script(clinic: Clinic, page: Page, site_url: str) -> Markup:
    """The script element of an information page; the front page names the clinic, too."""
    nodes = [page_node(clinic, page, site_url)]
    if page.path == "/":
        # Without citations and locations, the front page fits into the first round trip.
        nodes[0].pop("citation", None)
        nodes.append(organization_node(clinic, site_url))
    return script(*nodes)


def page_node(clinic: Clinic, page: Page, site_url: str) -> Node:
    """``page`` as a web page; a review of a medical page is mentioned only if there was one."""
    node: Node = {
        "@type": "MedicalWebPage" if page.meta.medical else "WebPage",
        "@id": f"{site_url}{page.path}",
        "url": f"{site_url}{page.path}",
        "name": page.meta.title,
        "description": page.meta.description,
        "inLanguage": clinic.language,
        "publisher": {"@id": f"{site_url}/#clinic"},
    }
    reviewed = page.meta.reviewed or (clinic.review and clinic.review.reviewed)
    if reviewed and page.meta.medical:
        node["lastReviewed"] = reviewed.isoformat()
    if clinic.review and page.meta.medical:
        person = {"name": clinic.review.reviewer, "honorificSuffix": clinic.review.credentials}
        node["reviewedBy"] = {"@type": "Person", **person}
    if links := [reference.link for reference in page.references if reference.link]:
        node["citation"] = links
    return node
