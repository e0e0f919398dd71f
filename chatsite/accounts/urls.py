"""Addresses for signing in and for one's own account. Django's names, so that its views find each other."""

from django.contrib.auth import views as auth

from chatsite.accounts import views
from chatsite.routing import path

urlpatterns = [
    path("login/", views.SignInPage.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", views.PasswordChange.as_view(), name="password_change"),
    path("password/changed/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("password/forgotten/", views.PasswordReset.as_view(), name="password_reset"),
    path("password/sent/", auth.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path("password/<uidb64>/<token>/", auth.PasswordResetConfirmView.as_view(), name="password_reset_confirm"),
    path("password/new/", auth.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
    path("sign-ins/", views.sign_ins, name="sign-ins"),
    path("sign-ins/end/", views.end_sign_ins, name="end-sign-ins"),
]
