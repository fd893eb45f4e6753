"""Errors show people a helpful page and give API clients a problem document."""

from http import HTTPStatus

import pytest
from flask import Blueprint, Flask, abort
from werkzeug.exceptions import HTTPException

from app.web.error_handlers import problem_response


@pytest.mark.parametrize("code", [400, 403, 404, 405, 413, 418, 422, 429, 500, 503])
def test_each_error_has_a_page_with_an_explanation(site: Flask, code: int) -> None:
    site.add_url_rule("/fails", "fails", lambda: abort(code))
    response = site.test_client().get("/fails")
    assert response.status_code == code
    assert response.mimetype == "text/html"
    assert f"<h1>{code} " in response.text
    assert "call us" in response.text or code in (404, 405)
    assert response.headers["Cache-Control"] == "no-store"


def test_api_clients_get_a_problem_document(site: Flask) -> None:
    for path, status, title in [
        ("/api/v1/none", 404, "Not Found"),
        ("/api/v1/broken", 503, "Service Unavailable"),
    ]:
        response = site.test_client().get(path)
        assert response.status_code == status
        assert response.mimetype == "application/problem+json"
        assert response.json
        assert response.json["title"] == title
        assert response.json["status"] == status
        assert response.json["type"] == "about:blank"


def test_a_problem_document_has_further_members(site: Flask) -> None:
    with site.test_request_context():
        body = problem_response(422, "Two fields are wrong.", errors=[{"pointer": "#/name"}]).json
    assert body == {
        "type": "about:blank",
        "title": HTTPStatus(422).phrase,  # Python 3.13 has new phrases
        "status": 422,
        "detail": "Two fields are wrong.",
        "errors": [{"pointer": "#/name"}],
    }


def test_a_405_response_lists_the_allowed_methods(site: Flask) -> None:
    response = site.test_client().delete("/letters")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_a_blueprint_can_show_its_own_page_for_an_unexpected_error(site: Flask) -> None:
    letters = Blueprint("letters", __name__)

    @letters.post("/letter")
    def fail() -> str:
        raise RuntimeError

    @letters.errorhandler(HTTPException)
    def form_again(error: HTTPException) -> tuple[str, int]:
        return "what was typed", error.code or 500

    site.register_blueprint(letters)
    response = site.test_client().post("/letter")
    assert (response.status_code, response.text) == (500, "what was typed")


def test_a_body_that_is_too_long_is_rejected(site: Flask) -> None:
    @site.post("/form")
    def form() -> str:
        from flask import request

        return str(len(request.form))

    response = site.test_client().post("/form", data={"message": "x" * 300_000})
    assert response.status_code == 413


def test_an_unexpected_error_reveals_nothing(site: Flask) -> None:
    response = site.test_client().get("/broken/the-secret")
    assert response.status_code == 500
    assert "the-secret" not in response.text
