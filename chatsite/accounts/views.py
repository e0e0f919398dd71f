"""Changing a password, having it reset by mail, and seeing where one is signed in."""

from __future__ import annotations

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.crypto import salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chatsite.accounts.devices import name_of_agent
from chatsite.accounts.models import SignIn
from chatsite.signing_in import locked_out

MAIL_EVERY_SECONDS = 120  # to one address


class SignInPage(auth.LoginView):
    """Signs in with a name and a password."""

    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"sends_mail": settings.SENDS_MAIL}


class GuardedChangeForm(PasswordChangeForm):
    """Has the old password checked as at sign-in, so that guessing it here is counted and stopped as well."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        old = str(self.cleaned_data["old_password"])
        name = {get_user_model().USERNAME_FIELD: self.user.get_username()}
        if authenticate(self.request, password=old, **name) is None:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return old


class PasswordChange(auth.PasswordChangeView):
    """Changes the password. The session goes on here, and ends everywhere else."""

    form_class = GuardedChangeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}


class PasswordReset(auth.PasswordResetView):
    """Sends a link for a new password, where the site can send mail: to one address once in MAIL_EVERY_SECONDS."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.SENDS_MAIL:
            raise Http404
        if not AxesProxyHandler.is_allowed(request):
            return locked_out(request, None, None)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        address = salted_hmac("chatsite.accounts.reset", form.cleaned_data["email"].lower()).hexdigest()
        if cache.add(f"chatsite-reset-{address}", True, MAIL_EVERY_SECONDS):
            return super().form_valid(form)
        return redirect(self.get_success_url())  # and says nothing of who has an account


@login_required
@require_safe
@never_cache
def sign_ins(request: HttpRequest) -> HttpResponse:
    """Show where this user is signed in."""
    assert request.user.is_authenticated  # login_required
    shown = [
        {"sign_in": sign_in, "name": name_of_agent(sign_in.agent), "here": sign_in.session_key == _key(request)}
        for sign_in in SignIn.objects.of(request.user)
    ]
    return render(request, "registration/sign_ins.html", {"sign_ins": shown})


@login_required
@require_POST
def end_sign_ins(request: HttpRequest) -> HttpResponse:
    """Sign out one other browser of this user's, or with no `sign_in`, every other. Another's is 404."""
    assert request.user.is_authenticated  # login_required
    others = [sign_in for sign_in in SignIn.objects.of(request.user) if sign_in.session_key != _key(request)]
    if chosen := request.POST.get("sign_in", ""):
        others = [sign_in for sign_in in others if str(sign_in.pk) == chosen]
        if not others:
            raise Http404
    for sign_in in others:
        sign_in.end()
    return redirect("sign-ins")


def _key(request: HttpRequest) -> str:
    return request.session.session_key or ""
