"""Wiring: one function that puts the parts together. No rule and no route lives here."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin
from flask_admin.theme import Theme
from flask_babel import Babel
from flask_migrate import Migrate
from werkzeug.middleware.proxy_fix import ProxyFix

import commands
from admin_views import (
    cookies,
    csrf,
    dev_mails,
    error_pages,
    form_sizes,
    formatting,
    frame,
    fresh_sign_in,
    metrics,
    own_password,
    pages,
    patience,
    probes,
    rate_limits,
    registry,
    request_rows,
    second_factor,
    second_step,
    security_events,
    security_headers,
    security_txt,
    sessions,
    sign_in,
)
from admin_views.converters import BillingDateConverter, RowIdConverter
from admin_views.portal import registry as portal_registry
from admin_views.portal import visit
from admin_views.portal.home import PortalIndexView
from admin_views.request_context import language
from config import ROOT, Settings, SettingsError
from models import db
from models.base import engine_options
from services.clock import clock_of

#: No form of the portal is larger; a selection by rows holds one page, a larger one travels as its filter.
LARGEST_REQUEST = 512 * 1024
LARGEST_PART_COUNT = 1000


def create_app(settings: Settings | None = None) -> Flask:
    """Return the web application; one line and exit 1 when a setting is missing or not usable."""
    try:
        settings = settings or Settings.from_environment()
    except SettingsError as error:
        raise SystemExit(f"Error: {error}") from None
    app = Flask(__name__)
    app.config.update(_flask_settings(settings))
    app.extensions["settings"] = settings
    app.extensions["clock"] = clock_of(settings)
    app.url_map.converters["row_id"] = RowIdConverter
    app.url_map.converters["billing_date"] = BillingDateConverter
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"))
    Babel(app, locale_selector=language)
    _register_screens(app)
    commands.register(app)
    return app


def _flask_settings(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.database_url),
        "BABEL_DEFAULT_LOCALE": "ja",
        "BABEL_DEFAULT_TIMEZONE": "Asia/Tokyo",
        "MAX_CONTENT_LENGTH": LARGEST_REQUEST,
        "MAX_FORM_MEMORY_SIZE": LARGEST_REQUEST,
        "MAX_FORM_PARTS": LARGEST_PART_COUNT,
        "TRUSTED_HOSTS": list(settings.trusted_hosts) or None,
        "SESSION_COOKIE_NAME": "portal",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": not settings.is_demo,
    }


def _register_guards(app: Flask) -> None:
    """Register what looks at every request or answer, in the order in which it does."""
    request_rows.init_app(app)
    cookies.init_app(app)
    security_headers.init_app(app)
    patience.init_app(app)
    form_sizes.init_app(app)
    csrf.init_app(app)
    sign_in.init_app(app)
    second_factor.init_app(app)
    visit.init_app(app)
    rate_limits.init_app(app)
    security_events.init_app(app)
    error_pages.init_app(app)
    formatting.init_app(app)
    frame.init_app(app)


def _register_screens(app: Flask) -> None:
    _register_guards(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(sessions.blueprint)
    app.register_blueprint(own_password.blueprint)
    app.register_blueprint(second_step.blueprint)
    app.register_blueprint(fresh_sign_in.blueprint)
    app.register_blueprint(probes.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(security_txt.blueprint)
    dev_mails.register_dev_mails(app)
    admin = Admin(
        app,
        name="MSP",
        url="/msp",
        endpoint="msp",
        index_view=pages.MspIndexView(),
        theme=Theme(folder="bootstrap4", base_template="base.html"),
    )
    registry.register_views(admin, app)
    portal = Admin(
        app,
        name="Portal",
        url="/portal",
        endpoint="portal",
        index_view=PortalIndexView(),
        theme=Theme(folder="bootstrap4", base_template="base.html"),
    )
    portal_registry.register_views(portal)
