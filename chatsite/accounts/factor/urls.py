"""Addresses for signing in with a second factor and for one's own. allauth's names, so that its views find each other.

They stand before `chatsite.accounts.urls`, so that both names of a page that signs in lead here.
"""

from allauth.account.views import reauthenticate
from allauth.mfa.base.views import index
from allauth.mfa.base.views import reauthenticate as reauthenticate_with_code
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp.views import deactivate_totp
from django.contrib.auth.views import LogoutView

from chatsite.accounts.factor import views
from chatsite.routing import path

urlpatterns = [
    path("login/", views.PasswordStep.as_view(), name="account_login"),
    path("login/code/", views.CodeStep.as_view(), name="mfa_authenticate"),
    path("logout/", LogoutView.as_view(), name="account_logout"),
    path("again/", reauthenticate, name="account_reauthenticate"),
    path("again/code/", reauthenticate_with_code, name="mfa_reauthenticate"),
    path("second-factor/", index, name="mfa_index"),
    path("second-factor/new/", views.FactorSetup.as_view(), name="mfa_activate_totp"),
    path("second-factor/end/", deactivate_totp, name="mfa_deactivate_totp"),
    path("second-factor/codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("second-factor/codes/new/", recovery_codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
]
