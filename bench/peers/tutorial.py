"""A contact form as in tutorials: Flask-WTF and Flask-Mail, sending during the request.

CSRF tokens are off, so that the load generator needs no session. This makes it faster.
"""

import os

from flask import Flask, redirect
from flask.typing import ResponseReturnValue
from flask_mail import Mail, Message
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.urandom(32),
    WTF_CSRF_ENABLED=False,
    MAIL_SERVER="127.0.0.1",
    MAIL_PORT=int(os.environ["MAIL_PORT"]),
    MAIL_DEFAULT_SENDER="no-reply@clinic.example",
)
mail = Mail(app)


class ContactForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", validators=[DataRequired()])
    email = StringField("Email", validators=[DataRequired()])
    message = TextAreaField("Message", validators=[DataRequired()])


@app.get("/")
def ready() -> str:
    return "ready"


@app.post("/contact")
def contact() -> ResponseReturnValue:
    form = ContactForm()
    if not form.validate():
        return "Please fill in every field", 422
    message = Message(f"Message from {form.name.data}", recipients=["desk@clinic.example"])
    message.body = f"{form.message.data}\n\n{form.email.data}"
    mail.send(message)
    return redirect("/", 303)
