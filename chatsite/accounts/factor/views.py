"""Signing in in two steps, and setting the second one up: allauth's pages. Wrong codes count as wrong passwords."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.views import LoginView
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.totp.views import ActivateTOTPView
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse

from chatsite.signing_in import locked_out


class PasswordStep(LoginView):  # type: ignore[misc]  # allauth ships no types
    template_name = "registration/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        provider = settings.OIDC_NAME if settings.OIDC_ISSUER else ""
        return context | {"next": self.get_next_url() or "", "sends_mail": settings.SENDS_MAIL, "provider": provider}


class CodeStep(AuthenticateView):  # type: ignore[misc]  # allauth ships no types
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not AxesProxyHandler.is_allowed(request, self._credentials):
            return locked_out(request, None, None)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        user_login_failed.send(sender=__name__, credentials=self._credentials, request=self.request)
        page: HttpResponse = super().form_invalid(form)
        return page

    @property
    def _credentials(self) -> dict[str, str]:
        return {get_user_model().USERNAME_FIELD: self.stage.login.user.get_username()}


class FactorSetup(ActivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        record_authentication(self.request, self.request.user, "mfa")  # this session goes on, and no other
        return answer
